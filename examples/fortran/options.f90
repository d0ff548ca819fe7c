!> What both programs are given on their command line.
module options
   use, intrinsic :: iso_fortran_env, only: error_unit
   use arrays, only: give_up, sides_of, values_of
   use cpu_engine, only: new_processor_engine
   use cudnn_engine, only: new_gpu_engine
   use engine, only: named, training_engine
   use network, only: layer
   implicit none
   private
   public :: argument, choose, weights_of

contains

   !> Return an argument of the command line, or what stands for one that is not given.
   function argument(number, default) result(text)
      integer, intent(in) :: number
      character(*), intent(in) :: default
      character(:), allocatable :: text
      integer :: length

      call get_command_argument(number, length=length)
      allocate (character(length) :: text)
      call get_command_argument(number, text)
      if (length == 0) text = default
   end function argument

   !> Take "cpu", "cudnn", "cudnn-tf32", or "auto": a GPU in float32 where there is one.
   subroutine choose(kind, chosen)
      character(*), intent(in) :: kind
      class(training_engine), allocatable, intent(out) :: chosen
      character(:), allocatable :: why

      why = 'chosen'
      select case (kind)
      case ('cudnn', 'auto')
         allocate (chosen, source=new_gpu_engine(.false., why))
      case ('cudnn-tf32')
         allocate (chosen, source=new_gpu_engine(.true., why))
      case ('cpu')
      case default
         call give_up('unknown engine '//kind//': expected auto, cpu, cudnn or cudnn-tf32')
      end select
      if (why == '') return
      if (index(kind, 'cudnn') == 1) call give_up('cuDNN cannot be used: '//why)
      if (kind == 'auto') write (error_unit, '(2a)') 'on the processor: ', why
      if (allocated(chosen)) deallocate (chosen)
      allocate (chosen, source=new_processor_engine())
   end subroutine choose

   !> Return weights of an export: "initial" or "final".
   function weights_of(folder, kind) result(found)
      character(*), intent(in) :: folder, kind
      type(layer) :: found(3)
      integer :: i, four(4)

      do i = 1, 3
         four = sides_of(folder, named(kind//'_', 'weight', i))
         found(i)%weight = reshape(values_of(folder, named(kind//'_', 'weight', i)), four)
         found(i)%bias = values_of(folder, named(kind//'_', 'bias', i))
      end do
   end function weights_of

end module options
